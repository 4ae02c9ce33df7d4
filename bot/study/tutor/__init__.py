"""The tutor: finds what the lessons say, and answers from it, with a language model where there is one."""
