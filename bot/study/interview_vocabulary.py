"""The words that people use for what can be pressed, as alternatives in plain spelling (`interview_words.plain`).

English, German, Spanish, French, Chinese, in this order. A table: what is missing is added here and nowhere else.
"""

# How much experience
NO = (
    r"no+|nope|nah|none|never|zero|nothing|not (?:really|yet|at all)|nein|nie|noch nie|nicht wirklich|nichts"
    r"|gar nicht|keine?|nada|nunca|ninguno|jamais|aucun|rien|pas vraiment|没有?|没用过|从来没有?|不会|零基础"
)
NEW = f"{NO}|" + (
    r"beginner|newbie|noob|new to (?:me|this|it)|all new|(?:have|has|do|did|does|could|am|is|was)(?:n't| not)"
    r"|what(?:'s| is| are)|no experience|anfanger\w*|principiante|debutant|新手|初学者"
)
SOME = (
    r"yes|some\w*|(?:a )?little|(?:a )?bits?|courses?|coursera|udemy|bootcamp|tutorials?|basics?|play\w*|once"
    r"|twice|few|couple|not (?:that )?much|barely|hardly|notebooks?|kaggle|colab|semester|uni|university|class"
    r"|hobby|side projects?|mnist|fast\.?ai|days?|weeks?|months?|long time ago|that's (?:all|about it)|tried"
    r"|bisschen|etwas|wenig|kaum|manchmal|grundlagen|poco|algo|un curso|a veces|un peu|quelques|parfois"
    r"|des bases|一点点?|有点|学过|用过|入门|偶尔"
)
DAILY = (
    r"daily|every ?day|every week|weekly|at work|my (?:day )?job|professional\w*|professionally|often|a lot"
    r"|lots?|experts?|research\w*|phd|lead|for years|decade|in production|all of it|too many|all the time"
    r"|taglich|jeden tag|beruflich|arbeit|todos los dias|a diario|diario|trabajo|tous les jours|travail|metier"
    r"|每天|工作|专家"
)
YEARS = r"(\d+(?:[.,]\d+)?)\+? ?(?:years?|yrs?|jahren?|anos|ans|年)"
MANY_YEARS = r"(?:two|three|four|five|six|seven|eight|ten|many|several) years"

# Which framework
TORCH = r"(?:py ?)?torch(?:vision)?|pytroch|pytorhc|lightning"
TENSORFLOW = r"tensorflow|tensor flow|tf ?[12]?|keras"
BOTH = r"both|beide|beides|los dos|ambos|les deux|两个都\w*|都用过"
NEITHER = f"{NEW}|" + r"neither|keines|ni l'un|ninguno|jax|flax|sklearn|scikit(?:-learn)?|numpy|都没"
WISH = (
    r"(?:want|wants|like|plan|planning|hope|hoping|going|trying)"
    r" to (?:learn|try|use|switch to|move to|get into) [\w ]+"
)

# How much data
LARGE = (
    r"\d+(?:[.,]\d+)? ?(?:gb|gib|tb|tib|gigabytes?|terabytes?)|huge|big|large|lots|massive|gross|riesig|enorme"
    r"|grande?|很多|大量"
)
SMALL = r"small|tiny|little|few|handful|klein|wenig|pequeno|poco|petit|peu|很少|小"
NOT_KNOWN = (
    r"none(?: yet)?|not (?:yet|sure|decided)|no (?:idea|clue)|unknown|(?:don't|dont|do not) (?:know|have)"
    r"|dunno|depends|haven't|have not|keine(?: ahnung)?|weiss nicht|weiss ich nicht|noch nicht|ni idea|no se"
    r"|no lo se|je ne sais pas|aucune idee|不知道|不清楚|不确定|还没有?|没有"
)

# What to train on
ANY_GPU = (
    r"gpus?|rtx|gtx|geforce|nvidia|cuda|radeon|vram|graphics cards?|grafikkarten?|tarjeta grafica"
    r"|carte graphique|显卡|runpod|vast\.ai"
)
MANY_GPUS = r"multi-?gpu|cluster|multiple gpus|multi-?node|nodes|gpus on|dgx"
APPLE = r"m[1-5](?: ?(?:pro|max|ultra))?|macs?|macbook(?: air| pro)?|imac|apple silicon|mps"
CPU = (
    r"cpus?|laptop|thinkpad|notebook|ordenador|portatil|ordinateur|integrated|old pc|desktop|none|nothing|nada"
    r"|nichts|rien|no|nein|没有|笔记本"
)
HARDWARE_UNKNOWN = (
    r"not sure|no idea|no clue|don'?t know|dunno|whatever|depends|keine ahnung|weiss nicht|no se|ni idea"
    r"|je ne sais pas|不知道|不清楚"
)

GOALS = {
    "fine-tune": (
        r"fine.?tun\w*|finetun\w*|feintun\w*|tune \w+|adapt\w*|q?lora|peft|customi[sz]e|anpassen|afinar"
        r"|ajustar|affiner|微调|定制"
    ),
    "understand": (
        r"understand\w*|learn\w*|theory|how .{0,30}works?|basics|curious|get better|verstehen|lernen|entender"
        r"|aprender|comprendre|apprendre|理解|了解|学习"
    ),
    "ship": (
        r"ship\w*|products?|production|prod|at work|my (?:work|job|company)|deploy\w*|startup|app|arbeit"
        r"|produkt|producto|trabajo|produit|travail|产品|上线|部署|工作"
    ),
    "research": (
        r"research\w*|papers?|phd|thesis|publish\w*|experiments?|dissertation|forschung|forschen|investigacion"
        r"|recherche|论文|研究"
    ),
}

MODELS = {
    "classifier": (
        r"(?:text )?classif\w*|sentiment|spam|ner|bert|roberta|encoder|label\w*|tagging|toxic\w*|moderation"
        r"|intent\w*|detect\w*|klassifi\w*|clasifica\w*|分类|情感"
    ),
    "language-model": (
        r"llms?|(?:large |small )?language models?|gpt\w*|llama\w*|mistral\w*|qwen\w*|gemma\w*|phi|deepseek"
        r"|generat\w*|chat ?bots?|chat|causal|decoder|instruct\w*|assistant|writes?|writing|code|translat\w*"
        r"|summar\w*|sprachmodell\w*|modelos? de lenguaje|modeles? de langue|大模型|语言模型|聊天\w*|翻译|生成"
    ),
    "vision": (
        r"images?|vision|pictures?|photos?|segment\w*|object detection|diffusion|yolo|resnet|vit|cnns?|bilder"
        r"|bilderkennung|imagenes|图像|图片|视觉"
    ),
    "other": (
        r"audio|speech|voice|whisper|asr|tts|time.?series|forecast\w*|tabular|multi.?modal|recommend\w*"
        r"|reinforcement|rl|graphs?|protein\w*|embeddings?|video|something else|other|语音|时间序列"
    ),
    "unknown": (
        r"no idea.*|not sure.*|(?:don't|dont|do not) know.*|undecided|unsure|weiss (?:ich )?(?:noch )?nicht"
        r"|keine ahnung|ni idea|no se|no lo se|je ne sais pas|不知道|不确定"
    ),
}

RESULTS = {
    "score": (
        r"accura\w*|f1\w*|score|baseline|beat|sota|state of the art|perplexity|loss|bleu|rouge|auc|recall"
        r"|precision|\d+ ?%|percent|better than|good quality|genauigkeit|besser als|precision|mejor que"
        r"|mieux que|准确率"
    ),
    "speed": (
        r"fast\w*|speed|latency|ms|milliseconds?|seconds?|minutes?|per request|overnight|throughput|cheap\w*"
        r"|within \w+ hours?|less than an? (?:hour|minute|day)|schnell\w*|rapid\w*|vite|快"
    ),
    "deadline": (
        r"deadline|by (?:mon|tues|wednes|thurs|fri|satur|sun)day|by (?:the )?(?:end|next|tomorrow)|before \w+"
        r"|end of|due|demo|january|february|march|april|june|july|august|september|october|november|december"
        r"|bis (?:ende|\w+tag)|frist|fecha|plazo|avant|截止"
    ),
    "learning": (
        r"understand\w*|learn\w*|know what i'?m doing|figure out|fun|verstehen|lernen|aprender|entender"
        r"|apprendre|comprendre|学会|学到"
    ),
}
