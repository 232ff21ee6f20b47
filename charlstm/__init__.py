"""Train a character-level LSTM on a large corpus, carry it over to a tiny one, write in its style.

::

    text files --preprocess--> [dataset directory] --pretrain--> [model directory] --transfer--> [model directory]
                                                                        |
                                     sample, score, report, evaluate, info, plot (NumPy where they only read)

The packages, an arrow meaning "may import":
``cli -> benchmark -> judging -> sampling -> experiments -> plotting -> evaluation -> training -> model -> store -> data
-> config -> errors``.
"""

__version__ = "0.1.0"
