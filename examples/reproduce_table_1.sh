#!/usr/bin/env bash
# Which layers of a stacked LSTM should be retrained, when it moves from a shelf of books to a corpus that is too small?
# The experiment of Fischer, "Transfer Learning in Stacked LSTM's for Text Generation", Table 1, with what it left out:
# every subset of layers, the base untouched, the best of several models from scratch, three random seeds, and smaller
# and smaller parts of the target; at the original's size and at a useful one.  Nothing in it depends on how fast the
# machine is.
#
#   examples/reproduce_table_1.sh BOOKS_FOLDER POEMS.txt OUT_FOLDER
#
# The poems are parted by two or more blank lines and split into thirds.  Run again, it goes on where it was stopped.
set -euo pipefail
books=$1 poems=$2 out=$3

[ -d "$out/books" ] || charlstm preprocess "$books" -o "$out/books"
[ -d "$out/poems" ] || charlstm preprocess "$poems" --documents blank-lines --split 0.34,0.33,0.33 -o "$out/poems"
bases=()
for units in 64 256; do
    charlstm pretrain "$out/books" -o "$out/base-3x$units" --layers 3 --units "$units" --epochs 30 --resume
    bases+=(-m "$out/base-3x$units")
done
charlstm sweep "$out/poems" "${bases[@]}" -o "$out/sweep" --subsets all --scratch --seeds 3 \
    --fractions 1,0.5,0.25,0.125 --padded-loss --jobs 2 --resume
