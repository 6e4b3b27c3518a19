# Reads surefire's reports, and JUnit's own: a line for each test that failed or was skipped, and the numbers at the end.
function attribute(name,    at, rest) {
    at = match($0, " " name "=\"[^\"]*\"")
    if (!at) return ""
    rest = substr($0, RSTART + length(name) + 3, RLENGTH - length(name) - 4)
    gsub(/&#10;|&#9;/, " ", rest); gsub(/&quot;/, "\"", rest); gsub(/&lt;/, "<", rest); gsub(/&gt;/, ">", rest); gsub(/&amp;/, "\\&", rest)
    return rest
}
/<testcase / { test = attribute("classname") "." attribute("name"); tests++ }
/<(failure|error)[ >]/ { if (last != test) { failed++; print "FAILED " test ": " attribute("message") } last = test }
/<skipped[ \/>]/ { skipped++; print "SKIPPED " test ": " attribute("message") }
END { print tests - failed - skipped " passed, " failed + 0 " failed, " skipped + 0 " skipped" }
