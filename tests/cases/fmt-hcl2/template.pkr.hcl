source "null" "x" {}
