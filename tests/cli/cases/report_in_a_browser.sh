# the report in headless Chromium with no network: Mol* shows the target that is opened, the own view where there is no WebGL,
# nothing is asked for from outside, and no script fails
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || skip "no Chromium"
needs "$(dirname "$BINARY")/molstar/molstar.js"
. "$here/make_report.sh"
printf 'target\tfamily\tbase\tphase2\n6c63\tRF1\t0.9\t0.8\n' >out/compare/pairs.tsv
run report out --viewer molstar
expect_exit 0
# The page with its first target opened and whatever would have left it noted.
cat >probe.html <<'END'
<script>
  const left = [];
  addEventListener("error", (e) => left.push("error: " + e.message));
  addEventListener("unhandledrejection", (e) => left.push("rejected: " + e.reason));
  addEventListener("securitypolicyviolation", (e) => left.push("policy: " + e.blockedURI));
  document.querySelector("details.target").open = true;
  setTimeout(() => {
    const shown = document.querySelector(".molstar canvas"), boxes = [...document.querySelectorAll(".controls input")];
    for (const entry of performance.getEntriesByType("resource")) if (/^https?:/.test(entry.name)) left.push(entry.name);
    document.title = "seen: " + (shown ? "Mol* " + (shown.clientWidth > 100) : "own") + ", " + boxes.length + " boxes, " +
      document.querySelectorAll(".view .note").length + " notes, faults: " + left.join("; ");
  }, 15000);
</script>
END
sed -i -e '/^<\/body>/{r probe.html' -e '}' out/report.html
browse() {
    timeout 300 "$browser" --headless=new --no-sandbox --disable-dev-shm-usage --host-resolver-rules='MAP * ~NOTFOUND' \
        --disable-background-networking --disable-component-update --user-data-dir="$PWD/profile" --virtual-time-budget=25000 \
        --dump-dom "$@" "file://$PWD/out/report.html" 2>browser.err | sed -n 's/.*<title>\(seen: [^<]*\)<.*/\1/p'
}
seen=$(browse --use-angle=swiftshader --enable-unsafe-swiftshader --ignore-gpu-blocklist)
[ -n "$seen" ] || skip "this Chromium shows no page: $(tail -1 browser.err | cut -c1-120)"
expect_same "$seen" 'seen: Mol* true, 4 boxes, 0 notes, faults: '
expect_same "$(browse --disable-gpu --disable-3d-apis)" 'seen: own, 4 boxes, 1 notes, faults: '
