"""What must hold of templates, before anyone deploys them. A check yields one line for each thing that is wrong."""
