using System.Collections.Immutable;
using PostTrainGate.Policy;
using PostTrainGate.Schema;

namespace PostTrainGate.Reading;

// The data section.
internal static partial class PolicyShape
{
    /// <summary>The <c>data</c> section.</summary>
    public static class Data
    {
        public static readonly Key<PolicyPath> Source = new(
            "source",
            new PathShape(PathUse.Data),
            "The data: CSV, Parquet or JSON (a pattern works), IDX, NPZ, or a folder with a folder of images for "
                + "each class."
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
            "The file with the labels, if separate from the inputs (IDX, NPZ)."
        )
        {
            Formerly = "labels",
        };

        public static readonly Key<string> Prediction = new(
            "prediction",
            Column,
            "The column with the predicted class, to gate existing predictions instead of a 'model'."
        );
        public static readonly Key<string> Score = new(
            "score",
            Column,
            "The column with the probability of the favorable class, for rates that need scores; requires 'prediction'."
        );

        public static readonly Key<ImmutableArray<string>> Classes = new(
            "classes",
            new ListShape<string>(new TextShape("the value of a label"), "[bad, good]", fewest: 2, most: 100_000)
            {
                Distinct = true,
            },
            "Label values in the order of the model's outputs; default: ascending order."
        );

        public static readonly Key<string> Favorable = new(
            "favorable",
            new TextShape("the value of a label"),
            "The label value that is the favorable outcome; default: the second of two classes."
        );

        public static readonly Key<Section> Features = new(
            "features",
            PolicyShape.Features.Map,
            "Which columns of a table are features, and how they are scaled."
        );
        public static readonly Key<Section> Splits = new(
            "splits",
            PolicyShape.Splits.Map,
            "Shares of the three disjoint splits; at most 1 in total."
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

    /// <summary>The <c>features</c> section.</summary>
    public static class Features
    {
        public static readonly Key<ImmutableArray<string>> Only = new(
            "only",
            new ListShape<string>(Column, "[age, income]") { Distinct = true },
            "Feature columns; default: all except the label and 'except'. For an NPZ: the array with the inputs."
        );

        public static readonly Key<ImmutableArray<string>> Except = new(
            "except",
            new ListShape<string>(Column, "[id, sex]") { Distinct = true },
            "Columns that are not features; they may still define groups."
        );

        public static readonly Key<ImmutableArray<string>> Immutable = new(
            "immutable",
            new ListShape<string>(Column, "[age, sex]") { Distinct = true },
            "Columns that attacks on tables ('table_pgd', 'table_search') must not change."
        );

        public static readonly Key<ImmutableArray<CategoryOrder>> Categories = new(
            "categories",
            new ByColumnShape<CategoryOrder>(
                new ListShape<string>(new TextShape("a value of the column"), "[rent, own]") { Distinct = true },
                "{ housing: [rent, own] }",
                (column, values) => new(column, (ImmutableArray<string>)values)
            ),
            "Values of a one-hot encoded column in the order of the model's inputs; default: those in the data, in "
                + "ascending order. A number column that stands here is one-hot too."
        );

        public static readonly Key<Scaling> Scale = new(
            "scale",
            new ChoiceShape<Scaling>(),
            "Scaling of numeric columns, fitted on the repair split: as they are, to [0, 1], or to zero mean and "
                + "unit variance."
        )
        {
            Default = "none",
        };

        public static readonly Key<Missing> Missing = new(
            "missing",
            new ChoiceShape<Missing>(),
            "Missing values: kept (NaN for numbers, empty text for text; an error if the scores become NaN), "
                + "dropped with their rows, or an error."
        )
        {
            Default = "keep",
        };

        public static readonly MapShape Map = new(Only, Except, Immutable, Categories, Scale, Missing);
    }

    /// <summary>The <c>splits</c> section.</summary>
    public static class Splits
    {
        private static readonly NumberShape Part = new(NumberRange.Part);

        public static readonly Key<double> Repair = new("repair", Part, "Share of rows that a repair trains on.")
        {
            Default = "50%",
        };
        public static readonly Key<double> Select = new(
            "select",
            Part,
            "Share of rows that candidates are selected on."
        )
        {
            Default = "20%",
        };
        public static readonly Key<double> Test = new(
            "test",
            Part,
            "Share of rows that the reported values are measured on."
        )
        {
            Default = "30%",
        };

        public static readonly Key<string> Trained = new(
            "trained",
            new TextShape("a condition"),
            "An SQL condition for the rows that the model was trained on; only a repair learns from them."
        );

        public static readonly MapShape Map = new(Repair, Select, Test, Trained);
    }
}
