"""What can be done with the records of a session that is over: show it again, run it again.

`playing` gives records their time back, `planning` says which calls can be repeated, `normalising`
takes out what may differ, `comparing` finds what does, and `verifying` does all that in order.
"""
