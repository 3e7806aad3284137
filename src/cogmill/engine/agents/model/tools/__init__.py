"""The tools of the model agent: one table of what each is called, how it is logged and what runs."""
