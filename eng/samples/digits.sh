#!/bin/sh
# Writes samples/digits/digits.csv from the table of Debian's python3-sklearn: a header, pixels by row and column, the digit last.
#   sh eng/samples/digits.sh /usr/lib/python3/dist-packages/sklearn/datasets/data/digits.csv.gz > samples/digits/digits.csv
set -eu
for row in 0 1 2 3 4 5 6 7; do
  for column in 0 1 2 3 4 5 6 7; do printf 'r%sc%s,' "$row" "$column"; done
done
echo digit
gzip -dc "$1"
