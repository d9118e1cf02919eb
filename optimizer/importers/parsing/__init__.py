"""What the formats share to read a file.

`files` opens it with care, `node` asks it for values. Templates: `dialects`, and `blocks` of Handlebars. Beside them
stand `frontmatter`, `companion` files, `knobs` (models and settings), `schemas` (the reply) and `toolbox` (tools).
Messages are read by `chat`, what logs have in common by `logs`. `picking` takes one prompt of several.
"""
