/**
 * A setting of V8 for the whole process; the doors import it first.
 *
 * undici parses answers with a WebAssembly module, of whose one large function V8's optimising compiler makes machine code after a while.
 * That takes 38 MB for a moment, half of which never come back, for a parser that sees nothing but a few headers for each part.
 *
 * Not on the launcher's command line: a Node that no longer knows a flag there would not start. Here it says so and goes on.
 */
import { setFlagsFromString } from 'node:v8';

setFlagsFromString('--liftoff-only');
