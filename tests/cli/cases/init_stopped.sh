"$BINARY" init --config rnapro_base --out big.safetensors >"$out" 2>"$err" </dev/null &
sleep 1
kill -TERM $!
wait $!
code=$? ran="rnatune init, stopped"
expect_exit 1
expect_stderr 'rnatune init: stopped; nothing was written'
expect_same "$(ls)" ""
