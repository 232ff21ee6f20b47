#!/usr/bin/env bash
# The field's small benchmark, split 90/10 by position: a first look in a minute, and a good model in a quarter of an hour.
#
#   examples/tinyshakespeare.sh TINYSHAKESPEARE.txt OUT_FOLDER
set -euo pipefail
text=$1 out=$2

charlstm preprocess "$text" -o "$out/shakespeare" --split 0.9,0.1,0 --split-by position
charlstm pretrain "$out/shakespeare" -o "$out/fast" --preset fast
charlstm pretrain "$out/shakespeare" -o "$out/quality" --preset quality --max-minutes 15
charlstm sample -m "$out/quality" --seed "ROMEO:" --length 300
