#!/usr/bin/env bash
# Which layers of a stacked LSTM should be retrained, when it moves from a shelf of books to a corpus that is too small?
# The experiment of Fischer, "Transfer Learning in Stacked LSTM's for Text Generation", Table 1, with what it left out:
# every subset of layers, the base untouched, the best of several models from scratch, three random seeds, and smaller
# and smaller parts of the target; at the original's size and at a useful one.  Nothing in it depends on how fast the
# machine is.
#
#   examples/reproduce_table_1.sh BOOKS_FOLDER POEMS.txt OUT_FOLDER [UNITS...]
#
# UNITS are those of each of the three layers: 64 as in the original and 256, unless given; each is an experiment of its
# own.  The poems are parted by two or more blank lines and split into thirds.  Run again, it goes on where it was
# stopped.
set -euo pipefail
books=$1 poems=$2 out=$3
shift 3
[ $# -gt 0 ] || set -- 64 256

[ -d "$out/books" ] || charlstm preprocess "$books" -o "$out/books"
[ -d "$out/poems" ] || charlstm preprocess "$poems" --documents blank-lines --split 0.34,0.33,0.33 -o "$out/poems"
for units in "$@"; do
    charlstm pretrain "$out/books" -o "$out/base-3x$units" --layers 3 --units "$units" --epochs 30 --resume
    # From scratch: the size that was the best of the original's, and twice as wide; beside a larger base, all the usual.
    scratch=(--scratch)
    [ "$units" -gt 64 ] || scratch+=(--scratch-units 64,128 --scratch-layers 2)
    charlstm sweep "$out/poems" -m "$out/base-3x$units" -o "$out/sweep-3x$units" --subsets all "${scratch[@]}" \
        --seeds 3 --fractions 1,0.5,0.25,0.125 --padded-loss --jobs 2 --resume
done
