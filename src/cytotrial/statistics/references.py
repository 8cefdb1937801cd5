"""References that the methods texts cite: each is written once, so that the list numbers it once."""

from __future__ import annotations

STUDENT = "Student. The probable error of a mean. Biometrika 1908;6:1-25. doi:10.1093/biomet/6.1.1"
WILCOXON = (
    "Wilcoxon F. Individual comparisons by ranking methods. Biometrics Bulletin 1945;1:80-83. doi:10.2307/3001968"
)
MANN_WHITNEY = (
    "Mann HB, Whitney DR. On a test of whether one of two random variables is stochastically larger than the "
    "other. Ann Math Stat 1947;18:50-60. doi:10.1214/aoms/1177730491"
)
HODGES_LEHMANN = (
    "Hodges JL, Lehmann EL. Estimates of location based on rank tests. Ann Math Stat 1963;34:598-611. "
    "doi:10.1214/aoms/1177704172"
)
WELCH = (
    "Welch BL. The generalization of 'Student's' problem when several different population variances are "
    "involved. Biometrika 1947;34:28-35. doi:10.1093/biomet/34.1-2.28"
)
HALDANE = (
    "Haldane JBS. The estimation and significance of the logarithm of a ratio of frequencies. Ann Hum Genet "
    "1956;20:309-311. doi:10.1111/j.1469-1809.1955.tb01285.x"
)
CAMPBELL = (
    "Campbell I. Chi-squared and Fisher-Irwin tests of two-by-two tables with small sample recommendations. "
    "Stat Med 2007;26:3661-3675. doi:10.1002/sim.2832"
)
YATES = (
    "Yates F. Contingency tables involving small numbers and the chi-squared test. Suppl J R Stat Soc "
    "1934;1:217-235. doi:10.2307/2983604"
)
FISHER = "Fisher RA. The logic of inductive inference. J R Stat Soc 1935;98:39-82. doi:10.2307/2342435"
NEWCOMBE = (
    "Newcombe RG. Interval estimation for the difference between independent proportions: comparison of "
    "eleven methods. Stat Med 1998;17:873-890. "
    "doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I"
)
WILSON = (
    "Wilson EB. Probable inference, the law of succession, and statistical inference. J Am Stat Assoc "
    "1927;22:209-212. doi:10.1080/01621459.1927.10502953"
)
WOOLF = (
    "Woolf B. On estimating the relation between blood group and disease. Ann Hum Genet 1955;19:251-253. "
    "doi:10.1111/j.1469-1809.1955.tb01348.x"
)
ANSCOMBE = (
    "Anscombe FJ. On estimating binomial response relations. Biometrika 1956;43:461-464. doi:10.1093/biomet/43.3-4.461"
)
DMITRIENKO = (
    "Dmitrienko A, Tamhane AC. Gatekeeping procedures with clinical trial applications. Pharm Stat "
    "2007;6:171-180. doi:10.1002/pst.291"
)
MCNEMAR = (
    "McNemar Q. Note on the sampling error of the difference between correlated proportions or percentages. "
    "Psychometrika 1947;12:153-157. doi:10.1007/BF02295996"
)
EDWARDS = (
    "Edwards AL. Note on the 'correction for continuity' in testing the significance of the difference "
    "between correlated proportions. Psychometrika 1948;13:185-187. doi:10.1007/BF02289261"
)
HOLM = "Holm S. A simple sequentially rejective multiple test procedure. Scand J Stat 1979;6:65-70. JSTOR 4615733"
