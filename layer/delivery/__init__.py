"""How everything gets to where it is used: checks of the templates, layer versions, functions that get the layer, stacks.

``templates``, ``evaluation``, ``translation`` and ``checks`` know templates and no account. ``artifacts`` and ``packaging`` make of a
template what is sent, and ``parameters`` and ``settings`` judge what it is given. ``stacks`` knows what a stage has, ``preflight`` and
``simulation`` what would fail. ``deployment``, with ``changes`` and ``seeding``, ``attachment``, with ``roles``, ``publishing`` and ``queues``
act on an account, and only through ``account``, which alone can change anything and, in a dry run, does not.
What cannot succeed is a ``Refusal``, said before AWS is asked to change anything.
"""


class Refusal(Exception):
    """Why something is not done. The text is for the person who asked for it, and says what to do about it."""
