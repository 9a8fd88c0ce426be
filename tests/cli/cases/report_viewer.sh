# Mol* in the report: where it is found, what of it goes into the page, what is said when it is not there
. "$here/make_report.sh"
printf 'target\tfamily\tbase\tphase2\n6c63\tRF1\t0.9\t0.8\n' >out/compare/pairs.tsv
mkdir viewer bare
echo 'var molstar = {}; // </b>' >viewer/molstar.js
echo '.msp { color: red }' >viewer/molstar.css
echo '.msp { color: blue }' >viewer/dark.css
echo 'Copyright <c> Mol* contributors' >viewer/LICENSE
echo '9.9.9' >viewer/VERSION
run report out --molstar viewer
expect_exit 0
page=out/report.html
says() { grep -qF -- "$1" $page || note "the page lacks '$1'"; }
says '<script type="text/plain" id="molstar-code">var molstar = {}; // </b>'
says '<script type="text/plain" id="molstar-dark">.msp { color: blue }'
says 'The 3D views are Mol* 9.9.9, under the MIT licence.</summary><pre>Copyright &lt;c&gt; Mol* contributors'
says 'The 3D views are Mol*, which this page carries'
says 'window.molstarView = (function'
says "script-src 'unsafe-inline' &#39;unsafe-eval&#39;; connect-src data:; "
if command -v python3 >/dev/null; then
    expect_same "$(python3 "$here/html_check.py" $page)" ok
    # all atoms, superposed: what the page has is the native to a hundredth of an Angstrom
    python3 - $page out/held_out/test/natives/6c63.cif >atoms <<'END'
import json, re, sys
view = json.loads(re.search(r'<script type="application/json">(.*?)</script>', open(sys.argv[1], encoding="utf-8").read(), re.S)[1])
cif = {tuple(round(float(x) * 100) for x in line.split()[10:13]) for line in open(sys.argv[2]) if re.match(r"(ATOM|HETATM)", line)}
for part in [view["native"]] + view["models"]:
    at, seen, n = [0, 0, 0], set(), 0
    for k in range(len(part["name"])):
        at = [a + d for a, d in zip(at, part["xyz"][3 * k:3 * k + 3])]
        near = any(tuple(a + e for a, e in zip(at, (i, j, l))) in cif for i in (0, 1, -1) for j in (0, 1, -1) for l in (0, 1, -1))
        n += near
    print(part.get("arm", "native"), n == len(part["name"]) == sum(part["counts"]) > 1000, len(part["letters"]) == len(part["chain"]))
END
    expect_same "$(cat atoms | tr '\n' ' ')" 'native True True base True True phase2 True True '
fi
# the same bytes again; without it the page has neither Mol* nor all atoms, and says how to get it
run report out --molstar viewer --out again.html
expect_same "$(cmp $page again.html && echo same)" same
run report out --viewer canvas --out small.html
expect_exit 0
grep -q 'molstar-code\|"xyz"' small.html && note "--viewer canvas carries Mol*"
grep -qF "Mol* was not at hand. 'make viewer' fetches it" small.html || note "the page does not say how to get Mol*"
# asked for and not there
run report out --viewer molstar --molstar bare --out none.html
expect_exit 1
expect_stderr 'rnatune report: bare: holds no Mol*: there is no molstar.js'
expect_stderr "hint: 'make viewer' fetches it into build/molstar; --viewer canvas takes the page's own 3D view"
[ ! -e none.html ] || note "a page was written"
cp "$BINARY" program   # nothing lies beside it
./program report out --out own.html >"$out" 2>"$err"
code=$? ran="a rnatune without Mol* beside it"
[ $code = 127 ] || { expect_exit 0; expect_stderr "Mol* is not at hand, and the 3D views are the page's own; 'make viewer' fetches it"; }
# what cannot stand in a page
echo 'x = "</script>"' >viewer/molstar.js
run report out --molstar viewer --out none.html
expect_exit 1
expect_stderr "viewer/molstar.js: holds '</script', which would end it inside of a page"
rm viewer/dark.css
echo 'var molstar = {};' >viewer/molstar.js
run report out --molstar viewer --out none.html
expect_exit 1
expect_stderr 'viewer/dark.css: cannot open'
