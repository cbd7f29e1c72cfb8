# What the comparisons need on a machine before they start; sourced by them, never run. Leaves the shell in
# the repository's root, with $bench_python the Python that has the libraries. Asked for --help, nothing is
# installed or built: that needs only a Python.

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source scripts/prerequisites.sh

bench_python=python3
bench_installs=true
bench_builds=true
for argument in "$@"; do
    case $argument in
        --help | -h) bench_installs=false bench_builds=false ;;
        --verdict | --verdict=* | --engine | --engine=* | --without-verdict | --without-engine) bench_builds=false ;;
    esac
done

# Installs the Debian packages named.
bench_packages() {
    ! $bench_installs || need_packages "$@"
}

# Installs the Python packages.
bench_libraries() {
    $bench_installs || return 0
    need_python_environment .build/bench-venv scripts/bench/requirements.txt
    bench_python=.build/bench-venv/bin/python
}

# Builds the product named, unless the arguments name a binary.
bench_product() {
    $bench_builds || return 0
    need_packages "${swift_packages[@]}"
    need_swift
    swift build -c release --product "$1" >&2
}
