"""Rules for what runs without a question, and reviews that say in words what a block touches.

Both inform the person who decides; what a block can do is bounded by the sandbox alone.
"""
