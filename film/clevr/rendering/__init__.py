"""A scene -> its picture in the CLEVR look."""
