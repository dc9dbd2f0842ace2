//! Files: `scp`, the old way and the new, and `sftp`.
