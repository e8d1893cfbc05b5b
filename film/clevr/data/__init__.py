"""Data sets on the disk: CLEVR folders, packed corpora and folders of pictures, read and made."""
