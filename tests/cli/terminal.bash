# SPDX-License-Identifier: MIT
# Tests on a terminal: a shell in a window of 60 columns and 15 rows, and what is typed there.
# shellcheck disable=SC2016,SC2154

load marked

open_terminal() {
	command -v tmux > /dev/null || skip "tmux is not installed"
	unset NO_COLOR TMUX
	socket=$BATS_TEST_TMPDIR/tmux
	printf 'PS1="\\$ "\nPATH=%q:$PATH\nHISTFILE=\n' "$build/cmd/brood" > "$HOME/rc"
	env -u BROOD_MARK tmux -S "$socket" -f /dev/null new-session -d -x 60 -y 15 \
		"exec env -u BROOD_MARK bash --noprofile --rcfile $HOME/rc -i" 3>&-
	tmux -S "$socket" set-option -g history-limit 5000
	soon 300 shows '^\$'
	type "export BROOD_MARK=$BROOD_MARK; clear"
	soon 300 is_clear
}

close_terminal() {
	[ -z "${socket-}" ] || tmux -S "$socket" kill-server 2> /dev/null || true
}

# A line, with the return key behind.
type() {
	tmux -S "$socket" send-keys -l "$1"
	tmux -S "$socket" send-keys Enter
}

press() {
	tmux -S "$socket" send-keys "$1"
}

screen() {
	tmux -S "$socket" capture-pane -p
}

# All lines, also those that have left the screen; those that the terminal wrapped are one.
scrolled() {
	tmux -S "$socket" capture-pane -p -J -S - | sed -e 's/ *$//' -e '/^$/d'
}

shows() {
	screen | grep -q -e "$1"
}

is_clear() {
	[ "$(screen | sed '/^$/d')" = '$' ]
}

# The cursor stands behind a prompt that begins its line, and all is as a shell has it.
at_prompt() {
	[ "$(tmux -S "$socket" display-message -p '#{cursor_x} #{cursor_flag} #{alternate_on}')" = "2 1 0" ] &&
		[ "$(screen | sed '/^$/d' | tail -n 1 | sed 's/ *$//')" = '$' ]
}
