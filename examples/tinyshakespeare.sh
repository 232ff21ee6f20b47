#!/usr/bin/env bash
# The field's small benchmark, split 90/10 by position: a first look in a minute, and a good model in a quarter of an hour.
#
#   examples/tinyshakespeare.sh TINYSHAKESPEARE.txt OUT_FOLDER
#
# What its lines printed on two cores with bfloat16 products:
#
# $ charlstm preprocess tinyshakespeare.txt -o ts --split 0.9,0.1,0 --split-by position
# $ charlstm pretrain ts -o fast --preset fast
# Model fast
#
#   validation loss per character   1.7406 nats (2.511 bits)
#   parameters                      239,938, of which trained 239,938
#   trained on                      6,019,200 characters, 6.0 epochs, 3,762 steps
#   training time                   0:35, ended by epochs
# Sample from it:  charlstm sample -m fast --seed "aragorn"
#
# $ charlstm pretrain ts -o quality --preset quality --max-minutes 15
# epoch  12.00  training 1.1736  validation 1.4300 nats (2.063 bits)  best
#     -- For justice such a fearful sort, I do beseech you, sir, have you go
# ...
# Model quality
#
#   validation loss per character   1.4299 nats (2.063 bits)
#   parameters                      3,318,850, of which trained 3,318,850
#   trained on                      18,028,800 characters, 18.0 epochs, 5,634 steps
#   training time                   11:03, ended by patience
# Sample from it:  charlstm sample -m quality --seed "aragorn"
#
# $ charlstm sample -m quality --seed "ROMEO:" --length 300
# ROMEO:
# Why is the great courtious crown?
#
# AUTOLYCUS:
# O thou art the news of five and the duke is bold and snow
# of your received. I have countermed no more confided him;
# he is with me not some years, say that thou dost, the
# duke, if it be my soul and fair one than he warrant,
# I have no land to see him: the
set -euo pipefail
text=$1 out=$2

charlstm preprocess "$text" -o "$out/shakespeare" --split 0.9,0.1,0 --split-by position
charlstm pretrain "$out/shakespeare" -o "$out/fast" --preset fast
charlstm pretrain "$out/shakespeare" -o "$out/quality" --preset quality --max-minutes 15
charlstm sample -m "$out/quality" --seed "ROMEO:" --length 300
