#!/bin/sh
# Takes a payment and waits for the customer: pay.sh TENGE PHONE INVOICE
# Ends as kaspictl does. 0: paid; 1: not paid, or refused: the words say which payment the sale has, if it has one;
# 2, 4: the command line or the rights are wrong; 5: still waiting; 6: nobody knows, look before you bill again.
# The key is the sale's: whatever happens to this shell, the same command tells what came of it and never bills twice.
tries=0
while :; do
    kaspictl pay "$1" --phone "$2" --invoice "$3" --key "sale-$3" --wait=3m
    code=$?
    # 3: no daemon; 7: Kaspi cannot be asked. Nothing was billed, as far as is known.
    { [ "$code" = 3 ] || [ "$code" = 7 ]; } && [ "$tries" -lt 60 ] || exit "$code"
    tries=$((tries + 1))
    sleep 1
done
