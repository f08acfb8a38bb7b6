using System.Collections.Immutable;
using System.Text.Json;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Metrics;
using PostTrainGate.Policy;
using PostTrainGate.Repairs;
using PostTrainGate.Schema;

namespace PostTrainGate.Reading;

/// <summary>
/// What a policy may say, declared once. The reader's checks, the JSON Schema and the reference in the documentation all come from
/// here and from the catalog's names.
/// </summary>
internal static class PolicyShape
{
    private static readonly TextShape Column = new("the name of a column");

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
            "Columns that no attack on the rows of a table ('table_pgd', 'table_search') may change."
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
        private static readonly NumberShape Part = new(NumberRange.Part);

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
        public static readonly Key<PolicyPath> LabelFile = new(
            "label_file",
            new PathShape(PathUse.File),
            "The file with the labels, where they are apart from the inputs (IDX, NPZ)."
        )
        {
            Formerly = "labels",
        };

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
            LabelFile,
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
        private static readonly NumberShape AnyNumber = new(NumberRange.Any);
        private static readonly NumberShape Positive = new(NumberRange.Positive);

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
            new ListShape<double>(new NumberShape(NumberRange.Any), "[25, 45, 65]", fewest: 1, most: 100)
            {
                Distinct = true,
            },
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
        private static readonly NumberShape Share = new(NumberRange.Share);

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

        private static readonly ImmutableArray<Key> Thresholds = [Min, Max, Drop];

        /// <summary>For a metric that is not known: every key of any metric, none needed.</summary>
        public static MapShape Unknown { get; } = new(catalog => Known(catalog).Concat(Thresholds)) { Partial = true };

        /// <summary>The keys that a metric takes; the others are refused with a reason.</summary>
        public static MapShape For(IMetric metric) => new(catalog => [.. Fitting(metric), .. Refused(metric, catalog)]);

        /// <summary>The keys of a metric besides thresholds.</summary>
        public static IEnumerable<Key> Own(IMetric metric) =>
            metric.ChangesInputs ? metric.Keys.Add(GateKeys.Samples) : metric.Keys;

        // Keys of one name are told apart by what they accept; the table of all has the first.
        private static IEnumerable<Key> Known(ICatalog catalog) =>
            catalog.All<IMetric>().SelectMany(Own).DistinctBy(k => k.Name);

        private static IEnumerable<Key> Fitting(IMetric metric)
        {
            var bound = GatesShape.IsBoundByMax(metric) ? Max : Min;
            // Thresholds of a metric without an upper end are not shares.
            Key Threshold(Key key) =>
                metric.Largest > 1
                    ? new Key<double?>(key.Name, new NumberShape(new(0, metric.Largest)), key.Summary)
                    : key;
            return [.. Own(metric), Threshold(bound), Threshold(Drop)];
        }

        private static IEnumerable<Key> Refused(IMetric metric, ICatalog catalog)
        {
            var own = Own(metric).Select(k => k.Name).ToHashSet();
            var (right, wrong) = GatesShape.IsBoundByMax(metric) ? (Max, Min) : (Min, Max);
            var others = Known(catalog)
                .Where(k => !own.Contains(k.Name))
                .Select(k => Refuse(k, $"'{metric.Name}' does not take '{k.Name}'; remove it."));
            return others.Append(
                Refuse(wrong, $"'{metric.Name}' takes '{right.Name}', not '{wrong.Name}': {Direction(metric.Better)}.")
            );
        }

        private static Key<object> Refuse(Key key, string reason) =>
            new(key.Name, key.Shape, key.Summary) { Refused = reason };

        private static string Direction(Better better) =>
            better switch
            {
                Better.Higher => "higher is better",
                Better.Lower => "lower is better",
                Better.NearZero => "values closer to 0 are better",
                _ => "values closer to 1 are better",
            };
    }

    /// <summary>The <c>when</c> section.</summary>
    public static class When
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
        public static readonly Key<double> MaxAccuracyDrop = new(
            "max_accuracy_drop",
            new NumberShape(NumberRange.Share),
            "How much clean accuracy a repair may cost."
        )
        {
            Default = "0.02",
            Formerly = "keep",
        };

        public static readonly Key<ImmutableArray<IRepair>> Methods = new(
            "methods",
            new ListShape<IRepair>(new NameShape<IRepair>("repair"), "[fmt, adversarial]") { Distinct = true },
            "Repairs to try; without it every one that can address the gates that failed."
        );

        public static readonly Key<PolicyPath> Snapshots = new(
            "snapshots",
            new PathShape(PathUse.Files),
            "ONNX files of the training history, oldest first by name, where it was kept."
        );
        public static readonly Key<TimeSpan> TimeLimit = new(
            "time_limit",
            new DurationShape(TimeSpan.FromHours(24)),
            "Time for all methods together."
        )
        {
            Formerly = "budget",
            Default = "10m",
        };
        public static readonly Key<PolicyPath> Output = new(
            "output",
            new PathShape(PathUse.Output),
            "Where the repaired model is written; without it beside the model as NAME.repaired.onnx."
        );

        public static readonly MapShape Map = new(Methods, Snapshots, MaxAccuracyDrop, TimeLimit, Output);
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
            Default = ReportPolicy.UsualFolder,
        };

        public static readonly MapShape Map = new(n => [.. n.All<IReportWriter>().Select(Writer), Folder]);

        /// <summary>The switch of a report writer.</summary>
        public static Key<bool> Writer(IReportWriter writer) =>
            new(writer.Name, new FlagShape(), writer.Summary) { Default = writer.Always ? "true" : "false" };
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
    public static readonly Key<Section> WhenKey = new(
        "when",
        When.Map,
        "What a gate without a clear verdict means for the run: fail, warn or pass."
    )
    {
        Formerly = "on",
    };
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
        WhenKey,
        RepairKey,
        ReportKey,
        LimitsKey
    );
}
