# What the other scripts need on a machine before they start; sourced by them, never run.

# SwiftPM passes trait flags in the order of a hash that differs from process to process, and compiles Hummingbird, SwiftProtobuf
# and what uses them again when the order differs. With this it is the same each time.
export SWIFT_DETERMINISTIC_HASHING=1

# Debian packages that the Swift toolchain and the programs it builds need.
swift_packages=(
    binutils ca-certificates curl g++ git libc6-dev libcurl4 libncurses6 libsqlite3-0 libxml2 tzdata zlib1g-dev
)

# Debian packages that the Swift tests need. redis-tools holds the server's program under the name redis-check-rdb,
# and not the service that would start it with the machine.
test_packages=(openssl redis-tools)

# Installs the Debian packages that are not there yet, and says which. Does nothing if all are.
need_packages() {
    local missing=() package
    if ! command -v dpkg-query >/dev/null; then
        echo "This is not a Debian system: assuming that the like of these are installed: $*" >&2
        return
    fi
    for package in "$@"; do
        [[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" == installed ]] || missing+=("$package")
    done
    ((${#missing[@]})) || return 0

    local as_root=()
    if ((EUID != 0)); then
        if ! command -v sudo >/dev/null || ! sudo -n true 2>/dev/null; then
            echo "These Debian packages are missing, and installing them takes root or a sudo that asks for no" >&2
            echo "password. Please run: apt-get install ${missing[*]}" >&2
            return 1
        fi
        as_root=(sudo -n)
    fi
    echo "Installing with apt-get: ${missing[*]}" >&2
    # The machine's package lists may be older than its mirror: refresh them first.
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq >&2
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
}

# Checks that a Swift toolchain of version 6.3 or newer is on the PATH.
need_swift() {
    local version
    if ! command -v swift >/dev/null; then
        echo "There is no Swift toolchain on the PATH. Verdict is built with Swift 6.3 or newer." >&2
        echo "Get one from https://www.swift.org/install/linux/, put its usr/bin on the PATH, and try again." >&2
        return 1
    fi
    if ! version=$(swift --version 2>&1); then
        echo "The Swift toolchain at $(command -v swift) does not start: $version" >&2
        return 1
    fi
    if [[ ! $version =~ Swift\ version\ ([0-9]+)\.([0-9]+) ]] \
        || ((BASH_REMATCH[1] * 1000 + BASH_REMATCH[2] < 6003)); then
        echo "Verdict is built with Swift 6.3 or newer; $(command -v swift) is: ${version%%$'\n'*}" >&2
        return 1
    fi
}

# Makes a Python environment at $1 with the packages of the requirements files that follow. Its folder
# remembers their content: nothing happens while that stays the same.
need_python_environment() {
    local place=$1 content file arguments=()
    shift
    for file in "$@"; do arguments+=(-r "$file"); done
    content=$(cat "$@" | sha256sum)
    [[ ! -f $place/installed || $(<"$place/installed") != "$content" ]] || return 0
    if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
        need_packages python3 python3-venv || return 1
    fi
    echo "Installing with pip into $place: $(grep -hE '^[a-z]' "$@" | tr '\n' ' ')" >&2
    rm -rf "$place"
    python3 -m venv "$place" || return 1
    "$place/bin/python" -m pip install --quiet --disable-pip-version-check "${arguments[@]}" >&2 || return 1
    printf '%s' "$content" >"$place/installed"
}
