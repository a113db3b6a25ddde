"""The dashboard: a Panel application that shows people what the core answers."""
