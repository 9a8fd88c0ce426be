for words in --help -h help; do
    run $words
    expect_exit 0
    expect_stdout 'usage: rnatune VERB [options]'
    expect_stdout 'inspect      what is in a file of weights'
    expect_stdout 'Exit status: 0 done, 1 failed, 2 the command line makes no sense, 3 the check asked for did not hold.'
done
