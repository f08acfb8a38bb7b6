using CsCheck;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Models;

internal static partial class OnnxSamples
{
    private static IEnumerable<(string Op, Gen<OnnxSample> Gen)> Picking()
    {
        yield return Of(
            "Gather",
            from shape in AnyShape
            from axis in Axis(shape)
            from at in Gen.Int[-9, 9].Array[1, 4]
            select Graph(shape, w =>
                w.Node(
                    "Gather",
                    ["input", Longs(w, "at", Within(at, shape[(axis + shape.Length) % shape.Length]))],
                    ("axis", axis)
                )
            )
        );
        yield return Of(
            "GatherElements",
            from shape in AnyShape
            from axis in Axis(shape)
            from rows in Gen.Long[1, 4]
            let size = shape[(axis + shape.Length) % shape.Length]
            let picked = (long[])[.. shape.Select((d, i) => i == (axis + shape.Length) % shape.Length ? rows : d)]
            select Graph(shape, w =>
                w.Node(
                    "GatherElements",
                    ["input", w.Initializer("at", randint(-size, size, picked, dtype: int64))],
                    ("axis", axis)
                )
            )
        );
        yield return Of(
            "GatherND",
            from shared in Gen.Int[0, 1]
            from last in Gen.Long[1, 2]
            select Graph([3, 2, 2, 2], w =>
                w.Node(
                    "GatherND",
                    ["input", w.Initializer("at", randint(-2, 2, [3, 4, last], dtype: int64))],
                    ("batch_dims", (long)shared)
                )
            )
        );
        foreach (var op in (string[])["Scatter", "ScatterElements"])
        {
            yield return Of(op, from axis in Gen.Long[-2, 1] from add in Gen.Bool select Graph([3, 3], w => w.Node(
                        op,
                        [
                            "input",
                            w.Initializer(
                                "at",
                                tensor(
                                    new long[,]
                                    {
                                        { 0, -1, 1 },
                                    }
                                )
                            ),
                            w.Initializer("b", randn(1, 3)),
                        ],
                        op == "Scatter" || !add ? [("axis", 1L)] : [("axis", axis), ("reduction", "add")]
                    )), opset: op == "Scatter" ? 10 : 20);
        }

        yield return Of("ScatterND", from add in Gen.Bool select Graph([3, 2, 4], w => w.Node(
                    "ScatterND",
                    [
                        "input",
                        w.Initializer(
                            "at",
                            tensor(
                                new long[,]
                                {
                                    { 0, 1 },
                                    { -1, 0 },
                                    { 1, 1 },
                                }
                            )
                        ),
                        w.Initializer("b", randn(3, 4)),
                    ],
                    ("reduction", add ? "add" : "none")
                )));
        yield return Of("OneHot", from axis in Gen.Long[-3, 2] select Graph([2], w =>
            {
                var values = w.Node("Slice", ["input", Longs(w, "s", 0), Longs(w, "e", 2)]);
                w.Node("OneHot", [Longs(w, "at2", [2, 2], 0, 2, -1, 5), Longs(w, "depth", 3), values], ("axis", axis));
            }));
        yield return Of(
            "Compress",
            from shape in AnyShape
            from axis in Axis(shape)
            from kept in Gen.Bool.Array[1, 4]
            let within = kept.Take((int)shape[(axis + shape.Length) % shape.Length]).ToArray()
            where within.Any(k => k)
            select Graph(shape, w =>
                w.Node("Compress", ["input", w.Initializer("kept", tensor(within))], ("axis", axis))
            )
        );
    }

    private static IEnumerable<(string Op, Gen<OnnxSample> Gen)> Resampling()
    {
        var grid =
            from mode in One("linear", "nearest")
            from padding in One("zeros", "border", "reflection")
            from corners in Gen.Long[0, 1]
            select Graph([2, 2, 4, 5], w =>
                w.Node(
                    "GridSample",
                    ["input", w.Initializer("grid", rand(2, 3, 2, 2) * 2.4 - 1.2)],
                    ("mode", mode),
                    ("padding_mode", padding),
                    ("align_corners", corners)
                )
            );
        yield return Of("GridSample", grid);
        yield return Of(
            "Upsample",
            from mode in One("nearest", "linear")
            from scales in Gen.Int[1, 3].Array[2]
            select Graph([2, 2, 3, 4], w =>
                w.Node(
                    "Upsample",
                    ["input", w.Initializer("scales", tensor([1f, 1f, scales[0], scales[1]]))],
                    ("mode", mode)
                )
            ),
            opset: 9
        );
        yield return Of(
            "Resize",
            from mode in One("nearest", "linear", "cubic")
            from scales in Gen.Long[1, 7].Array[2]
            from coordinates in One(
                "half_pixel",
                "pytorch_half_pixel",
                "align_corners",
                "asymmetric",
                "half_pixel_symmetric"
            )
            from nearest in One("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
            from sizes in Gen.Bool
            select Graph([2, 2, 4, 4], w =>
                w.Node(
                    "Resize",
                    sizes || coordinates == "align_corners"
                        ? ["input", "", "", Longs(w, "sizes", 2, 2, scales[0], scales[1])]
                        : ["input", "", w.Initializer("scales", tensor([1f, 1f, scales[0] / 2f, scales[1] / 2f]))],
                    ("mode", mode),
                    ("coordinate_transformation_mode", coordinates),
                    ("nearest_mode", nearest)
                )
            )
        );
    }
}
