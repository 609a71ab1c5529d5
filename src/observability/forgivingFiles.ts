import fs from 'node:fs';
import { devNull } from 'node:os';

type OnOpened = (error: NodeJS.ErrnoException | null, fd: number) => void;
type OnWritten = (error: NodeJS.ErrnoException | null, writtenBytes: number) => void;

/**
 * The functions that a write stream takes as its `fs`: a line that cannot be written, because the disk is full or the
 * file may not be opened, is lost, and the stream goes on. winston keeps such an error to itself, and its buffer then
 * fills up and stops every other output of the logger.
 *
 * @param onOutage called with the first error, and again when one follows on lines that could be written
 */
export function createForgivingFiles(onOutage: (error: Error) => void) {
  let isWorking = true;
  const note = (error: NodeJS.ErrnoException | null) => {
    if (error && isWorking) onOutage(error);
    isWorking = error === null;
  };
  const orLose =
    (length: number, callback: OnWritten): OnWritten =>
    (error, writtenBytes) => {
      note(error);
      callback(null, error ? length : writtenBytes);
    };
  return {
    open: (path: string, flags: string, mode: number, callback: OnOpened) => {
      fs.open(path, flags, mode, (error, fd) => {
        if (!error) return callback(null, fd);
        note(error);
        fs.open(devNull, 'w', callback);
      });
    },
    write: (
      fd: number,
      bytes: Buffer,
      offset: number,
      length: number,
      at: number | null,
      done: OnWritten,
    ) => {
      fs.write(fd, bytes, offset, length, at, orLose(length, done));
    },
    writev: (fd: number, buffers: Buffer[], at: number | null, done: OnWritten) => {
      const length = buffers.reduce((sum, { byteLength }) => sum + byteLength, 0);
      fs.writev(fd, buffers, at, orLose(length, done));
    },
    close: fs.close,
  };
}
