// Starts this program again as a child, by functions of the C library that Swift does not see.
#pragma once

#include <sys/types.h>

typedef struct {
    pid_t process;
    /// The child's standard input reads from this pipe; it sees the end when this process ends, however it does.
    int input;
    /// What the child writes to its standard output and its standard error.
    int output;
    int errors;
} ChildProcessEnds;

/// Starts the program of this process with these arguments, which end with NULL. The child has no other file or socket of this
/// process, blocks no signal, and is in a process group of its own, so that an interrupt from the terminal does not reach it.
/// Returns 0, or an error number. The files in `ends` are closed on exec and the caller's to close.
int child_process_start(char *const arguments[], ChildProcessEnds *ends);
