// The C library's allocator settings (mallopt, M_MMAP_THRESHOLD), which Swift's Glibc module leaves out.
#include <malloc.h>
