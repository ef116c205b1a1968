# The only list of the names of `tla.study`; see `tla.lazy`.
from tla.study.config import AnalysisPlan as AnalysisPlan
from tla.study.config import AttackPlan as AttackPlan
from tla.study.config import Study as Study
from tla.study.config import study_from as study_from
from tla.study.config import study_values as study_values
from tla.study.embeddings import EmbeddingStudy as EmbeddingStudy
from tla.study.embeddings import examine_embeddings as examine_embeddings
from tla.study.embeddings import run_embeddings as run_embeddings
from tla.study.examine import examine as examine
from tla.study.locate import open_study as open_study
from tla.study.photo import attack_photo as attack_photo
from tla.study.run import run_study as run_study
