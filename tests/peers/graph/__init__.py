"""The parts of the stand-in for Microsoft Graph; see graph.py."""
