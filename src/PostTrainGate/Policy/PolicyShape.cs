using System.Collections.Immutable;
using System.Text.Json;
using PostTrainGate.Attacks;
using PostTrainGate.Certification;
using PostTrainGate.Metrics;
using PostTrainGate.Models;

namespace PostTrainGate.Policy;

/// <summary>
/// What a policy may say, declared once. The reader's checks, the JSON Schema and the reference in the documentation all come from
/// here and from the catalog's names.
/// </summary>
internal static class PolicyShape
{
    private static readonly TextShape Column = new("the name of a column");

    private static readonly Range PartOrAll = new(0, 1, LowerOpen: true);

    /// <summary>The <c>features</c> section.</summary>
    public static class Features
    {
        public static readonly Key<ImmutableArray<string>> Only = new(
            "only",
            new ListShape<string>(Column, "[age, income]") { Distinct = true },
            "Columns that are inputs; without it all but the label and 'except'. Of an NPZ: the array with the inputs."
        );

        public static readonly Key<ImmutableArray<string>> Except = new(
            "except",
            new ListShape<string>(Column, "[id, sex]") { Distinct = true },
            "Columns that are not inputs; they may still define groups."
        );

        public static readonly Key<ImmutableArray<string>> Immutable = new(
            "immutable",
            new ListShape<string>(Column, "[age, sex]") { Distinct = true },
            "Columns that no attack on the rows of a table ('table-pgd', 'table-search') may change."
        );

        public static readonly Key<Scaling> Scale = new(
            "scale",
            new ChoiceShape<Scaling>(),
            "Scaling of numeric columns, fitted on the repair split: as they are, to [0, 1], or to zero mean and unit variance."
        )
        {
            Default = "none",
        };

        public static readonly Key<Missing> Missing = new(
            "missing",
            new ChoiceShape<Missing>(),
            "What becomes of values that rows lack: kept, so that the model gets NaN for numbers and empty text for text (an error where "
                + "its scores are no numbers then); dropped with their rows; or an error."
        )
        {
            Default = "keep",
        };

        public static readonly MapShape Map = new(Only, Except, Immutable, Scale, Missing);
    }

    /// <summary>The <c>splits</c> section.</summary>
    public static class Splits
    {
        private static readonly NumberShape Part = new(Range.Part);

        public static readonly Key<double> Repair = new(
            "repair",
            Part,
            "Share of the rows that a repair may learn from."
        )
        {
            Default = "50%",
        };
        public static readonly Key<double> Select = new(
            "select",
            Part,
            "Share of the rows that candidates are chosen on."
        )
        {
            Default = "20%",
        };
        public static readonly Key<double> Test = new(
            "test",
            Part,
            "Share of the rows that every reported value is measured on, once."
        )
        {
            Default = "30%",
        };

        public static readonly MapShape Map = new(Repair, Select, Test);
    }

    /// <summary>The <c>data</c> section.</summary>
    public static class Data
    {
        public static readonly Key<PolicyPath> Source = new(
            "source",
            new PathShape(PathUse.Data),
            "The data: CSV, Parquet or JSON (a pattern works), IDX, NPZ, or a folder with a folder of images for each class."
        )
        {
            Example = "source: data.csv",
        };

        public static readonly Key<string> Label = new(
            "label",
            Column,
            "The column with the label (tables), or the array with the labels (NPZ)."
        );
        public static readonly Key<PolicyPath> Labels = new(
            "labels",
            new PathShape(PathUse.File),
            "The file with the labels, where they are apart from the inputs (IDX, NPZ)."
        );

        public static readonly Key<string> Prediction = new(
            "prediction",
            Column,
            "The column with the predicted class, to gate predictions of a table that were made elsewhere; there is no 'model' then."
        );
        public static readonly Key<string> Score = new(
            "score",
            Column,
            "The column with the probability of the favourable class, beside 'prediction', for rates that come from scores."
        );

        public static readonly Key<ImmutableArray<string>> Classes = new(
            "classes",
            new ListShape<string>(new TextShape("the value of a label"), "[bad, good]", fewest: 2, most: 100_000)
            {
                Distinct = true,
            },
            "Label values in the order of the model's outputs; without it the values in ascending order."
        );

        public static readonly Key<string> Favorable = new(
            "favorable",
            new TextShape("the value of a label"),
            "The label value that counts as the favourable outcome; without it the last class of two."
        );

        public static readonly Key<Section> Features = new(
            "features",
            PolicyShape.Features.Map,
            "Which columns of a table are inputs, and how they are scaled."
        );
        public static readonly Key<Section> Splits = new(
            "splits",
            PolicyShape.Splits.Map,
            "Shares of three disjoint splits, together at most 1."
        );

        public static readonly MapShape Map = new(
            Source,
            Label,
            Labels,
            Prediction,
            Score,
            Classes,
            Favorable,
            Features,
            Splits
        );
    }

    /// <summary>The <c>input</c> section.</summary>
    public static class Input
    {
        private static readonly NumberShape AnyNumber = new(Range.Any);
        private static readonly NumberShape Positive = new(Range.Positive);

        public static readonly Key<ImmutableArray<double>> Bounds = new(
            "bounds",
            new ListShape<double>(AnyNumber, "[0, 1]", fewest: 2, most: 2),
            "Smallest and largest legal input value, in the units that epsilon counts in."
        );

        public static readonly Key<double> Scale = new(
            "scale",
            Positive,
            "Factor on raw values before the bounds apply; 1/255 for bytes."
        )
        {
            Default = "1",
        };

        public static readonly Key<ImmutableArray<double>> Mean = new(
            "mean",
            new ListShape<double>(AnyNumber, "[0.5]"),
            "Mean that the model expects subtracted: one number, or one for each channel."
        );

        public static readonly Key<ImmutableArray<double>> Std = new(
            "std",
            new ListShape<double>(Positive, "[0.25]"),
            "Deviation that the model expects divided by: one number, or one for each channel."
        );

        public static readonly Key<ImmutableArray<int>> Size = new(
            "size",
            new ListShape<int>(new CountShape(1, 10_000), "[224, 224]", fewest: 2, most: 2),
            "Height and width that images are resized to; without it they have to be as large as the model takes them."
        );

        public static readonly Key<ImageLayout> Layout = new(
            "layout",
            new ChoiceShape<ImageLayout>(),
            "Order of axes that the model takes images in; without it as the shape of its input shows."
        );

        public static readonly MapShape Map = new(Bounds, Scale, Mean, Std, Size, Layout);
    }

    /// <summary>The <c>output</c> section.</summary>
    public static class Output
    {
        public static readonly Key<string> Name = new(
            "name",
            new TextShape("the name of an output"),
            "The model's output that is read; without it the first that holds scores or probabilities."
        );
        public static readonly Key<OutputHead> Head = new(
            "head",
            new ChoiceShape<OutputHead>(JsonNamingPolicy.SnakeCaseLower.ConvertName),
            "What that output holds; without it what graph and values show. Of probabilities the logits are the logarithms."
        );

        public static readonly MapShape Map = new(Name, Head);
    }

    /// <summary>An entry of the <c>groups</c> section.</summary>
    public static class Group
    {
        public static readonly Key<string> Column = new(
            "column",
            PolicyShape.Column,
            "A column whose values are the groups."
        );
        public static readonly Key<string> Privileged = new(
            "privileged",
            new TextShape("a value of the column"),
            "The column's privileged value, all others being unprivileged; without it every value is a group of its own."
        );

        public static readonly Key<string> Where = new(
            "where",
            new TextShape("a condition such as \"age >= 25\"", longest: 10_000),
            "A condition over the columns, in DuckDB's SQL; true means privileged."
        );

        public static readonly Key<ImmutableArray<string>> Cross = new(
            "cross",
            new ListShape<string>(new TextShape("the name of a group"), "[sex, age]", fewest: 2, most: 8)
            {
                Distinct = true,
            },
            "Other groups, whose intersections are the groups."
        );

        public static readonly Key<ImmutableArray<double>> Bins = new(
            "bins",
            new ListShape<double>(new NumberShape(Range.Any), "[25, 45, 65]", fewest: 1, most: 100) { Distinct = true },
            "Where a column of numbers is cut into groups, ascending; each bin takes its lower end."
        );

        public static readonly Key<int> MinCount = new(
            "min_count",
            new CountShape(1),
            "Fewest rows that a rate of a group may rest on; with fewer the metric is not measured."
        )
        {
            Default = "1",
        };

        public static readonly Key<ImmutableArray<string>> Dependent = new(
            "dependent",
            new ListShape<string>(PolicyShape.Column, "[relationship]") { Distinct = true },
            "Columns that follow from the group's, such as husband from sex; a counterfactual changes them with it."
        );

        public static readonly MapShape Map = new(Column, Privileged, Bins, Where, Cross, Dependent, MinCount);
    }

    /// <summary>An entry of the <c>gates</c> section, under the name of its metric.</summary>
    public static class Rule
    {
        private static readonly NumberShape Share = new(Range.Share);

        public static readonly Key<string> Group = new(
            "group",
            new TextShape("the name of a group"),
            "The group it is measured by."
        )
        {
            Example = "group: sex",
        };

        public static readonly Key<string> Rate = new(
            "rate",
            new NameShape("rate", n => n.Rates.Select(r => r.Name)),
            "The rate that is compared."
        )
        {
            Example = "rate: true_positive_rate",
        };

        public static readonly Key<double> Alpha = new(
            "alpha",
            new NumberShape(new(-10, 10)),
            "Order of the entropy: the higher, the more a large benefit counts."
        )
        {
            Default = "2",
        };

        public static readonly Key<int> Neighbors = new(
            "neighbors",
            new CountShape(1, 1000),
            "How many nearest rows a row is compared with."
        )
        {
            Default = "5",
        };

        public static readonly Key<double> Gap = new(
            "gap",
            new NumberShape(PolicyShape.PartOrAll),
            "How much more often privileged neighbours get the favourable outcome before it counts."
        )
        {
            Default = "0.2",
        };

        public static readonly Key<ClassView> Classes = new(
            "classes",
            new ChoiceShape<ClassView>(),
            "Of several classes: the favourable one against the rest, or each against the rest and their mean or the worst."
        )
        {
            Default = "favorable",
        };

        public static readonly Key<string> Attack = new(
            "attack",
            new NameShape("attack", n => n.Attacks.Select(a => a.Name)),
            "The attack it is measured under."
        )
        {
            Example = "attack: pgd",
        };
        public static readonly Key<Norm> Norm = new(
            "norm",
            new ChoiceShape<Norm>(),
            "The norm that a perturbation is measured in."
        )
        {
            Default = "linf",
        };
        public static readonly Key<double> Epsilon = new(
            "epsilon",
            new NumberShape(Range.Positive),
            "Largest size of a perturbation, in the units of the input's bounds."
        )
        {
            Example = "epsilon: 8/255",
        };
        public static readonly Key<int?> Steps = new(
            "steps",
            new CountShape(1, 100_000),
            "Gradient steps; without it the attack's own default."
        );
        public static readonly Key<double?> StepSize = new(
            "step_size",
            new NumberShape(Range.Positive),
            "Size of a step; without it the attack's own default."
        );
        public static readonly Key<int> Restarts = new(
            "restarts",
            new CountShape(1, 1000),
            "How often the attack is tried, each time from another random start."
        )
        {
            Default = "1",
        };
        public static readonly Key<bool?> RandomStart = new(
            "random_start",
            new FlagShape(),
            "Whether the first try starts at a random point of the ball; without it the attack's own default."
        );
        public static readonly Key<int> Categories = new(
            "categories",
            new CountShape(0, 10_000),
            "How many columns of categories or of two values may change under an attack on the rows of a table."
        )
        {
            Default = "1",
        };
        public static readonly Key<int?> Samples = new(
            "samples",
            new CountShape(1),
            "At most this many test rows are attacked, certified or corrupted, a seeded choice; without it all."
        );

        public static readonly Key<BoundMethod> Method = new(
            "method",
            new ChoiceShape<BoundMethod>(),
            "How the network's outputs are bounded: by intervals (IBP), or by linear functions of the input (CROWN), which are tighter."
        )
        {
            Default = "crown",
        };

        public static readonly Key<double> Sigma = new(
            "sigma",
            new NumberShape(Range.Positive),
            "Standard deviation of the noise that smooths the classifier, in the units of the input's bounds."
        )
        {
            Example = "sigma: 0.25",
        };
        public static readonly Key<int> Draws = new(
            "draws",
            new CountShape(100, 1_000_000),
            "Draws of noise for a row; the more, the larger the radius that can be certified."
        )
        {
            Default = "1000",
        };

        public static readonly Key<ImmutableArray<string>> Corruptions = new(
            "corruptions",
            new ListShape<string>(
                new NameShape("corruption", n => n.Corruptions.Select(c => c.Name)),
                "[fog, jpeg_compression]"
            )
            {
                Distinct = true,
            },
            "Corruptions of the inputs; without it the fifteen of ImageNet-C for images and all for tables."
        );
        public static readonly Key<ImmutableArray<int>> Severities = new(
            "severities",
            new ListShape<int>(new CountShape(1, 5), "[1, 3, 5]", most: 5) { Distinct = true },
            "How severe corruptions are, from 1 to 5; without it all five."
        );

        private static readonly Key<string> Nearest = new(
            "attack",
            new NameShape("minimal-norm attack", n => n.MinimalAttacks.Select(a => a.Name)),
            "The attack that looks for the nearest error."
        )
        {
            Example = "attack: fmn",
        };

        public static readonly Key<double?> Min = new(
            "min",
            Share,
            "The value must be at least this; a ratio r counts as the smaller of r and 1/r."
        );
        public static readonly Key<double?> Max = new("max", Share, "The size of the difference must be at most this.");
        public static readonly Key<double?> Drop = new(
            "drop",
            Share,
            "The value may be worse than that of the base branch's model by at most this."
        );

        // Keys of metrics that change inputs, and what takes them.
        private static readonly ImmutableArray<(Key Key, MetricNeeds Takers)> Changing =
        [
            (Attack, MetricNeeds.Attack | MetricNeeds.Distance),
            (Norm, MetricNeeds.Attack | MetricNeeds.Distance | MetricNeeds.Certificate),
            (Epsilon, MetricNeeds.Attack | MetricNeeds.Certificate | MetricNeeds.Smoothing),
            (Steps, MetricNeeds.Attack | MetricNeeds.Distance),
            (StepSize, MetricNeeds.Attack),
            (Restarts, MetricNeeds.Attack),
            (RandomStart, MetricNeeds.Attack),
            (Categories, MetricNeeds.Attack),
            (Method, MetricNeeds.Certificate),
            (Sigma, MetricNeeds.Smoothing),
            (Draws, MetricNeeds.Smoothing),
            (Corruptions, MetricNeeds.Corruptions),
            (Severities, MetricNeeds.Corruptions),
            (Samples, Changed),
        ];

        private const MetricNeeds Changed =
            MetricNeeds.Attack
            | MetricNeeds.Distance
            | MetricNeeds.Certificate
            | MetricNeeds.Smoothing
            | MetricNeeds.Corruptions;

        private static readonly ImmutableArray<Key> Thresholds = [Min, Max, Drop];
        private static readonly ImmutableArray<Key> All =
        [
            Group,
            Rate,
            Alpha,
            Classes,
            Neighbors,
            Gap,
            .. Changing.Select(c => c.Key),
            .. Thresholds,
        ];

        /// <summary>For a metric that is not known: every key, none needed.</summary>
        public static MapShape Unknown { get; } = new([.. All]) { Partial = true };

        /// <summary>The keys that make sense for a metric; others are refused with a reason.</summary>
        public static MapShape For(MetricName metric) =>
            new([
                .. All.Select(k =>
                    WhyNot(k, metric) is { } reason
                        ? new Key<object>(k.Name, k.Shape, k.Summary) { Refused = reason }
                        : Fitting(k, metric)
                ),
            ]);

        // Thresholds of a metric without an upper end are not shares.
        private static Key Fitting(Key key, MetricName metric) =>
            metric.Largest > 1 && Thresholds.Contains(key)
                ? new Key<double?>(key.Name, new NumberShape(new(0, metric.Largest)), key.Summary)
            : key == Attack && metric.Needs.HasFlag(MetricNeeds.Distance) ? Nearest
            : key;

        private static string? WhyNot(Key key, MetricName metric)
        {
            var zero = metric.Better is Better.NearZero or Better.Lower;
            if (key == Group && !metric.Needs.HasFlag(MetricNeeds.Group))
                return $"'group' is of no use to '{metric.Name}', which is measured over all rows; remove it.";
            if (key == Neighbors && !metric.Needs.HasFlag(MetricNeeds.Neighbors))
                return $"'neighbors' is of no use to '{metric.Name}', which compares no rows with each other; remove it.";
            if (key == Gap && !metric.Needs.HasFlag(MetricNeeds.Gap))
                return $"'gap' is of no use to '{metric.Name}'; bound its value by '{GatesShape.Bound(metric)}'.";
            if (key == Classes && !IsCounted(metric))
                return $"'classes' is of no use to '{metric.Name}'; remove it.";
            if (key == Rate && !metric.Needs.HasFlag(MetricNeeds.Rate))
                return $"'rate' is of no use to '{metric.Name}', which is of one kind; remove it, or use 'rate_difference'.";
            if (key == Alpha && !metric.Needs.HasFlag(MetricNeeds.Alpha))
                return $"'alpha' is of no use to '{metric.Name}', which has an order of its own or none; remove it.";
            if (
                Changing.FirstOrDefault(c => c.Key == key) is { Key: not null, Takers: var takers }
                && (metric.Needs & takers) == 0
            )
            {
                var attacked = takers.HasFlag(MetricNeeds.Attack) && (metric.Needs & Changed) == 0;
                return $"'{key.Name}' is of no use to '{metric.Name}'{(attacked ? ", which is measured without an attack" : "")}; remove it.";
            }

            if (key == Min && zero)
                return $"'min' does not fit '{metric.Name}', which is better the {(metric.Better is Better.Lower
                    ? "lower it is; bound it" : "nearer it is to 0; bound its size")} by 'max'.";
            if (key == Max && !zero)
                return $"'max' does not fit '{metric.Name}', which is better the {Nearer(metric.Better)}; bound it by 'min'.";
            return null;

            // What is a function of counts can take any class as the favourable one.
            static bool IsCounted(MetricName metric) =>
                metric.Needs.HasFlag(MetricNeeds.Group) || metric.Needs.HasFlag(MetricNeeds.Alpha);

            static string Nearer(Better better) => better is Better.NearOne ? "nearer it is to 1" : "higher it is";
        }
    }

    /// <summary>The <c>on</c> section.</summary>
    public static class On
    {
        public static readonly Key<Outcome> Inconclusive = new(
            "inconclusive",
            new ChoiceShape<Outcome>(),
            "What it means that the interval contains the threshold."
        )
        {
            Default = "warn",
        };
        public static readonly Key<Outcome> NotMeasured = new(
            "not_measured",
            new ChoiceShape<Outcome>(),
            "What it means that there is no value."
        )
        {
            Default = "fail",
        };

        public static readonly MapShape Map = new(Inconclusive, NotMeasured);
    }

    /// <summary>The <c>repair</c> section.</summary>
    public static class Repair
    {
        public static readonly Key<double> Drop = new(
            "drop",
            new NumberShape(Range.Share),
            "How much a repair may cost."
        )
        {
            Default = "0.02",
        };
        public static readonly Key<Section> Accuracy = new("accuracy", new MapShape(Drop), "Clean accuracy.");
        public static readonly Key<Section> Keep = new("keep", new MapShape(Accuracy), "What a repair may cost.");

        public static readonly Key<ImmutableArray<string>> Methods = new(
            "methods",
            new ListShape<string>(new NameShape("repair", n => n.Repairs.Select(r => r.Name)), "[fmt, adversarial]")
            {
                Distinct = true,
            },
            "Repairs to try; without it every one that can address the gates that failed."
        );

        public static readonly Key<PolicyPath> Snapshots = new(
            "snapshots",
            new PathShape(PathUse.Files),
            "ONNX files of the training history, oldest first by name, where it was kept."
        );
        public static readonly Key<TimeSpan> Budget = new(
            "budget",
            new DurationShape(TimeSpan.FromHours(24)),
            "Time for all methods together."
        )
        {
            Default = "10m",
        };
        public static readonly Key<PolicyPath> Output = new(
            "output",
            new PathShape(PathUse.Output),
            "Where the repaired model is written; without it beside the model as NAME.repaired.onnx."
        );

        public static readonly MapShape Map = new(Methods, Snapshots, Keep, Budget, Output);
    }

    /// <summary>The <c>report</c> section: a switch for every report writer, and the folder.</summary>
    public static class Report
    {
        public static readonly Key<PolicyPath> Folder = new(
            "folder",
            new PathShape(PathUse.Folder),
            "Folder of the reports."
        )
        {
            Default = new ReportPolicy().Folder,
        };

        public static readonly MapShape Map = new(n =>
            [.. n.Reports.Select(w => Writer(w.Name, w.Summary, w.Always)), Folder]
        );

        /// <summary>The switch of a report writer.</summary>
        public static Key<bool> Writer(string name, string summary, bool always) =>
            new(name, new FlagShape(), summary) { Default = always ? "true" : "false" };
    }

    /// <summary>The <c>limits</c> section.</summary>
    public static class Limits
    {
        public static readonly Key<long> Memory = new(
            "memory",
            new SizeShape(256L << 20, 4096L << 30),
            "Memory that the engine may use before it is ended; without it four fifths of what the machine or container has."
        );
        public static readonly Key<TimeSpan> Time = new(
            "time",
            new DurationShape(TimeSpan.FromHours(1000)),
            "Time that the engine may take before it is ended."
        )
        {
            Default = "6h",
        };

        public static readonly MapShape Map = new(Memory, Time);
    }

    public static readonly Key<int> Version = new("version", new CountShape(1, 1), "Version of the policy's format: 1.")
    {
        Example = "version: 1",
    };
    public static readonly Key<int> Seed = new("seed", new CountShape(0), "Seed of everything random in a run.")
    {
        Default = "1",
    };
    public static readonly Key<PolicyPath> Model = new(
        "model",
        new PathShape(PathUse.File),
        "The ONNX file that the gate reads; left out where 'data.prediction' gives predictions alone."
    )
    {
        Example = "model: models/credit.onnx",
        Spared = root => root.TryGet(DataKey!, out var data) && data.Has(Data.Prediction),
    };
    public static readonly Key<Section> DataKey = new("data", Data.Map, "Where inputs, labels and columns come from.")
    {
        Example = "data: { source: data.csv, label: outcome }",
    };
    public static readonly Key<Section> InputKey = new("input", Input.Map, "The domain of the model's inputs.");
    public static readonly Key<Section> OutputKey = new("output", Output.Map, "What the model's output holds.");
    public static readonly Key<ImmutableArray<(ScalarNode Name, Section Group)>> Groups = new(
        "groups",
        new NamedShape(Group.Map),
        "Named groups that fairness is measured by."
    );
    public static readonly Key<ImmutableArray<GateEntry>> Gates = new(
        "gates",
        new GatesShape(),
        "What has to hold: a list of metrics, each with its threshold."
    )
    {
        Example = "gates: [accuracy: { min: 0.9 }]",
    };
    public static readonly Key<double> Confidence = new(
        "confidence",
        new NumberShape(new(0.5, 1, LowerOpen: true, UpperOpen: true)),
        "Confidence level of every interval."
    )
    {
        Default = "95%",
    };
    public static readonly Key<Correction> CorrectionKey = new(
        "correction",
        new ChoiceShape<Correction>(),
        "How intervals make up for the number of gates: bonferroni, so that all hold together with 'confidence', or none, so that each does."
    )
    {
        Default = "bonferroni",
    };
    public static readonly Key<Section> OnKey = new(
        "on",
        On.Map,
        "What a gate without a clear verdict means for the run: fail, warn or pass."
    );
    public static readonly Key<object> RepairKey = new(
        "repair",
        new SwitchShape(Repair.Map),
        "How to repair a model that fails; false to only measure."
    );
    public static readonly Key<Section> ReportKey = new("report", Report.Map, "Which report files to write.");
    public static readonly Key<Section> LimitsKey = new(
        "limits",
        Limits.Map,
        "What the engine may use; one that is ended measures nothing, and no gate passes."
    );

    /// <summary>The whole policy.</summary>
    public static readonly MapShape Root = new(
        Version,
        Seed,
        Model,
        DataKey,
        InputKey,
        OutputKey,
        Groups,
        Gates,
        Confidence,
        CorrectionKey,
        OnKey,
        RepairKey,
        ReportKey,
        LimitsKey
    );
}
