#!/usr/bin/env bash
# From a shelf of books to a book of poems: pretrain, carry over, compare with what training on the poems alone gives.
#
#   examples/books_to_poems.sh BOOKS_FOLDER POEMS.txt OUT_FOLDER
#
# The poems are parted by two or more blank lines.  About 15 minutes on two cores.
set -euo pipefail
books=$1 poems=$2 out=$3

charlstm preprocess "$books" -o "$out/books"
charlstm preprocess "$poems" --documents blank-lines --split 0.34,0.33,0.33 -o "$out/poems"
charlstm pretrain "$out/books" -o "$out/base" --layers 3 --units 256 --max-minutes 8
charlstm transfer "$out/poems" -m "$out/base" -o "$out/poet" --retrain 0,2 --max-minutes 3

# What the poems alone can teach: small stacks, and a large one with much dropout.
charlstm pretrain "$out/poems" -o "$out/scratch-2x64" --layers 2 --units 64 --dropout 0.2 --epochs 150 --patience 20
charlstm pretrain "$out/poems" -o "$out/scratch-2x128" --layers 2 --units 128 --dropout 0.5 --epochs 100 --patience 20
charlstm pretrain "$out/poems" -o "$out/scratch-3x256" --layers 3 --units 256 --dropout 0.5 --epochs 60 --patience 20

for model in base scratch-2x64 scratch-2x128 scratch-3x256 poet; do
    charlstm evaluate "$out/poems" -m "$out/$model" --split test
done
charlstm sample -m "$out/poet" --seed "aragorn" --length 400 --random-seed 1
