run version --json
expect_exit 0
expect_stdout '"version": "'
expect_stdout '"cpu_features": ['
