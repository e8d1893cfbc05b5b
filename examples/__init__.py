"""FiLM networks of other fields, trained here in minutes and opened as studies."""
