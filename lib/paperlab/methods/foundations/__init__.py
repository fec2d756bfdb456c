"""What two wings need: small networks, forests, attributions, linear algebra and statistics without a field of their
own.
"""
