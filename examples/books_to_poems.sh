#!/usr/bin/env bash
# From a shelf of books to a book of poems: pretrain, carry over, compare with what training on the poems alone gives.
#
#   examples/books_to_poems.sh BOOKS_FOLDER POEMS.txt OUT_FOLDER
#
# The poems are parted by two or more blank lines.
set -euo pipefail
books=$1 poems=$2 out=$3

charlstm preprocess "$books" -o "$out/books"
charlstm preprocess "$poems" --documents blank-lines --split 0.34,0.33,0.33 -o "$out/poems"
charlstm pretrain "$out/books" -o "$out/base" --layers 3 --units 256 --max-minutes 8
charlstm transfer "$out/poems" -m "$out/base" -o "$out/poet" --retrain 0,2 --max-minutes 3

# What the poems alone can teach.
for units in 64 128 256; do
    charlstm pretrain "$out/poems" -o "$out/scratch-2x$units" --layers 2 --units "$units" --patience 20
done

for model in base scratch-2x64 scratch-2x128 scratch-2x256 poet; do
    charlstm evaluate "$out/poems" -m "$out/$model" --split test
done
charlstm sample -m "$out/poet" --seed "aragorn" --length 400 --random-seed 1
