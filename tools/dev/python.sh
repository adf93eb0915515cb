# shellcheck shell=bash
# python_environment DIRECTORY REQUIREMENTS: Python with the packages of that list, in exactly its versions, in a folder of their own that is
# made anew when the list changes. To be sourced.
python_environment() {
  local python="$1" requirements="$2"
  if cmp -s "$requirements" "$python/requirements.txt"; then return 0; fi
  rm -rf "$python"
  /usr/bin/python3 -m venv "$python" &&
    "$python/bin/pip" install --quiet --disable-pip-version-check --requirement "$requirements" &&
    cp "$requirements" "$python/requirements.txt"
}
