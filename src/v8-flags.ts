/**
 * Settings of V8 for the whole process. The entry points import them first.
 *
 * Not on the launcher's command line, because a Node that no longer knows the flag would not start. Set here, it only prints a warning.
 */
import { setFlagsFromString } from 'node:v8';

/**
 * undici parses answers with a WebAssembly module, of whose one large function V8's optimising compiler makes machine code after a while.
 * That takes 38 MB for a moment, half of which never come back, for a parser that sees nothing but a few headers for each part.
 */
setFlagsFromString('--liftoff-only');

/** V8 lets the heap grow to four times what is alive before it collects. Twice is 50 MB less for thousands of volumes, and costs 3 % of the time. */
setFlagsFromString('--heap-growing-percent=100');
