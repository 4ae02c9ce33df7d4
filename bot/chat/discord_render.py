"""Draws a message as Discord shows it: one payload a Discord message, within the limits that Discord publishes.

A few plain words are said as words; whatever has a title, facts or a picture becomes an embed. What does not fit in
one message goes on in the next; what would take more than a few is attached as a file. No word is lost.
"""
