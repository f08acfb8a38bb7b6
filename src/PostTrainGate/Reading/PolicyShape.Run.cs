using System.Collections.Immutable;
using System.Text.Json;
using PostTrainGate.Gating;
using PostTrainGate.Policy;
using PostTrainGate.Repairs;
using PostTrainGate.Schema;

namespace PostTrainGate.Reading;

// What decides how a run goes and what it writes.
internal static partial class PolicyShape
{
    /// <summary>The <c>when</c> section.</summary>
    public static class When
    {
        public static readonly Key<Outcome> Inconclusive = new(
            "inconclusive",
            new ChoiceShape<Outcome>(),
            "Outcome when the interval contains the threshold."
        )
        {
            Default = "warn",
        };
        public static readonly Key<Outcome> NotMeasured = new(
            "not_measured",
            new ChoiceShape<Outcome>(),
            "Outcome when there is no value."
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
            "Repairs to try; default: all that apply to the failed gates, without the baselines."
        );

        public static readonly Key<PolicyPath> Snapshots = new(
            "snapshots",
            new PathShape(PathUse.Files),
            "ONNX checkpoints of the training history, oldest first by name."
        );
        public static readonly Key<TimeSpan> TimeLimit = new(
            "time_limit",
            new DurationShape(TimeSpan.FromHours(24)),
            "Stops a repair that takes longer, even if effort is left; the report says so."
        )
        {
            Formerly = "budget",
            Default = "1h",
        };

        public static readonly Key<Effort> Effort = new(
            "effort",
            new ChoiceShape<Effort>(),
            "How much to try: about 1, 5 or 12 minutes on two cores. It counts passes, so every machine tries the same."
        )
        {
            Default = "normal",
        };

        public static readonly Key<GraphUse> Graph = new(
            "graph",
            new ChoiceShape<GraphUse>(),
            "Whether a repair may add nodes to the model's graph, such as thresholds by group."
        )
        {
            Default = "keep",
        };

        public static readonly Key<ImmutableArray<HarmKind>> Accept = new(
            "accept",
            new ListShape<HarmKind>(
                new ChoiceShape<HarmKind>(JsonNamingPolicy.SnakeCaseLower.ConvertName),
                "[group_calibration]"
            )
            {
                Distinct = true,
            },
            "What a repair may make worse without being rejected for it."
        );
        public static readonly Key<PolicyPath> Output = new(
            "output",
            new PathShape(PathUse.Output),
            "Where the repaired model is written; default: NAME.repaired.onnx next to the model."
        );

        public static readonly Key<bool> WriteRefused = new(
            "write_refused",
            new FlagShape(),
            "Whether to write the best candidate even if it is not proposed, as NAME.refused.onnx next to the output."
        )
        {
            Default = "false",
        };

        public static readonly MapShape Map = new(
            Methods,
            Snapshots,
            MaxAccuracyDrop,
            Accept,
            Effort,
            TimeLimit,
            Graph,
            Output,
            WriteRefused
        );
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
            "Memory limit of the engine; default: 80% of what the machine or container has."
        );
        public static readonly Key<TimeSpan> Time = new(
            "time",
            new DurationShape(TimeSpan.FromHours(1000)),
            "Time limit of the whole run."
        )
        {
            Default = "6h",
        };

        public static readonly MapShape Map = new(Memory, Time);
    }
}
