"""From a request to what a careful reader finds in it.

`request` reads the whole: guidance, worked examples, input, with the parts of a prompt (`sections`) and who says what
in a conversation (`dialogue`). `form` is what the reply is to be: its fields (`field`), what is said of them
(`define`), in which manner (`manner`), with objects shown in running text (`objects`). `sheet` reads requests that are
made of named fields.
"""
