"""A load on deployed stacks: messages at a rate, from the API over topic and queue to ntfy.

``make load`` runs it and says what the messages took, what they would cost, and whether one was lost or shown twice.
"""
