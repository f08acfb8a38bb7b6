using System.Collections.Immutable;
using System.Text.Json;
using PostTrainGate.Policy;
using PostTrainGate.Schema;

namespace PostTrainGate.Reading;

// The input, output and groups sections.
internal static partial class PolicyShape
{
    /// <summary>The <c>input</c> section.</summary>
    public static class Input
    {
        private static readonly NumberShape AnyNumber = new(NumberRange.Any);
        private static readonly NumberShape Positive = new(NumberRange.Positive);

        public static readonly Key<ImmutableArray<double>> Bounds = new(
            "bounds",
            new ListShape<double>(AnyNumber, "[0, 1]", fewest: 2, most: 2),
            "Smallest and largest valid input value, which attacks and certificates keep; epsilon uses the same units. "
                + "Default: [0, 1], with an error for values outside that no 'features.scale' made. Attacks on tables "
                + "keep each column within its range in the repair split, and within these bounds if given."
        );

        public static readonly Key<double> Scale = new(
            "scale",
            Positive,
            "Factor applied to raw values before the bounds; 1/255 for bytes."
        )
        {
            Default = "1",
        };

        public static readonly Key<ImmutableArray<double>> Mean = new(
            "mean",
            new ListShape<double>(AnyNumber, "[0.5]"),
            "Mean to subtract before the model: one number, or one per channel."
        );

        public static readonly Key<ImmutableArray<double>> Std = new(
            "std",
            new ListShape<double>(Positive, "[0.25]"),
            "Standard deviation to divide by before the model: one number, or one per channel."
        );

        public static readonly Key<ImmutableArray<int>> Size = new(
            "size",
            new ListShape<int>(new CountShape(1, 10_000), "[224, 224]", fewest: 2, most: 2),
            "Height and width that images are resized to; default: images must already have the model's size."
        );

        public static readonly Key<ImageLayout> Layout = new(
            "layout",
            new ChoiceShape<ImageLayout>(),
            "Axis order of the model's image input; default: inferred from its input shape."
        );

        public static readonly MapShape Map = new(Bounds, Scale, Mean, Std, Size, Layout);
    }

    /// <summary>The <c>output</c> section.</summary>
    public static class Output
    {
        public static readonly Key<string> Name = new(
            "name",
            new TextShape("the name of an output"),
            "The model output to read; default: the first that holds scores or probabilities."
        );
        public static readonly Key<OutputHead> Head = new(
            "head",
            new ChoiceShape<OutputHead>(JsonNamingPolicy.SnakeCaseLower.ConvertName),
            "What that output holds; default: inferred from the graph and its values."
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
            "The privileged value of the column, the others being unprivileged; default: each value is a group."
        );

        public static readonly Key<string> Where = new(
            "where",
            new TextShape("a condition such as \"age >= 25\"", longest: 10_000),
            "A condition on the columns in DuckDB's SQL; rows that meet it are privileged."
        );

        public static readonly Key<ImmutableArray<string>> Cross = new(
            "cross",
            new ListShape<string>(new TextShape("the name of a group"), "[sex, age]", fewest: 2, most: 8)
            {
                Distinct = true,
            },
            "Other groups; their intersections are the groups."
        );

        public static readonly Key<ImmutableArray<double>> Bins = new(
            "bins",
            new ListShape<double>(new NumberShape(NumberRange.Any), "[25, 45, 65]", fewest: 1, most: 100)
            {
                Distinct = true,
            },
            "Where a numeric column is cut into groups, ascending; each bin includes its lower end."
        );

        public static readonly Key<int> MinCount = new(
            "min_count",
            new CountShape(1),
            "Fewest rows for a rate of a group; with fewer, the metric is not measured."
        )
        {
            Default = "1",
        };

        public static readonly Key<ImmutableArray<string>> Dependent = new(
            "dependent",
            new ListShape<string>(PolicyShape.Column, "[relationship]") { Distinct = true },
            "Columns that depend on the group, such as husband on sex; counterfactuals change them too."
        );

        public static readonly MapShape Map = new(Column, Privileged, Bins, Where, Cross, Dependent, MinCount);
    }
}
