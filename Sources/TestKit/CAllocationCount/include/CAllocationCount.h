// Counts the memory that a thread allocates, for tests that hold a hot path to allocating nothing.
#ifndef C_ALLOCATION_COUNT_H
#define C_ALLOCATION_COUNT_H

// Allocations that the calling thread has made since it began.
unsigned long allocation_count(void);

#endif
