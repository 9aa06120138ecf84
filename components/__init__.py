"""Pipeline components: a door each, the rooms are in hidden_gems."""
