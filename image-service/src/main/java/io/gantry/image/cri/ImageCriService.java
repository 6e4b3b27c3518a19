package io.gantry.image.cri;

import io.gantry.cri.GrpcErrors;
import io.gantry.cri.v1.FilesystemIdentifier;
import io.gantry.cri.v1.FilesystemUsage;
import io.gantry.cri.v1.Image;
import io.gantry.cri.v1.ImageFilter;
import io.gantry.cri.v1.ImageFsInfoRequest;
import io.gantry.cri.v1.ImageFsInfoResponse;
import io.gantry.cri.v1.ImageServiceGrpc;
import io.gantry.cri.v1.ImageSpec;
import io.gantry.cri.v1.ImageStatusRequest;
import io.gantry.cri.v1.ImageStatusResponse;
import io.gantry.cri.v1.ListImagesRequest;
import io.gantry.cri.v1.ListImagesResponse;
import io.gantry.cri.v1.PullImageRequest;
import io.gantry.cri.v1.PullImageResponse;
import io.gantry.cri.v1.RemoveImageRequest;
import io.gantry.cri.v1.RemoveImageResponse;
import io.gantry.cri.v1.StreamImagesRequest;
import io.gantry.cri.v1.StreamImagesResponse;
import io.gantry.cri.v1.UInt64Value;
import io.gantry.image.ImageException;
import io.gantry.image.Images;
import io.gantry.image.PullRequest;
import io.gantry.image.RegistryCredentials;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The CRI's ImageService. Calls block their thread, so the server gives each a (virtual) thread of its own. */
public final class ImageCriService extends ImageServiceGrpc.ImageServiceImplBase {
    /** Images in one message of StreamImages, far below the 16 MiB that clients take. */
    private static final int STREAM_BATCH = 1000;

    private final Images images;

    public ImageCriService(Images images) {
        this.images = images;
    }

    @Override
    public void listImages(ListImagesRequest request, StreamObserver<ListImagesResponse> observer) {
        answer(
                observer,
                () -> ListImagesResponse.newBuilder()
                        .addAllImages(matching(request.getFilter()))
                        .build());
    }

    @Override
    public void streamImages(StreamImagesRequest request, StreamObserver<StreamImagesResponse> observer) {
        try {
            List<Image> all = matching(request.getFilter());
            for (int from = 0; from < all.size(); from += STREAM_BATCH) {
                observer.onNext(StreamImagesResponse.newBuilder()
                        .addAllImages(all.subList(from, Math.min(from + STREAM_BATCH, all.size())))
                        .build());
            }
            observer.onCompleted();
        } catch (ImageException e) {
            observer.onError(GrpcErrors.of(ImageFailures.of(e)));
        }
    }

    @Override
    public void imageStatus(ImageStatusRequest request, StreamObserver<ImageStatusResponse> observer) {
        answer(observer, () -> {
            Optional<io.gantry.image.Image> image = images.find(named(request.getImage()));
            if (image.isEmpty()) {
                return ImageStatusResponse.getDefaultInstance();
            }
            ImageStatusResponse.Builder response =
                    ImageStatusResponse.newBuilder().setImage(ImageMessages.image(image.get()));
            if (request.getVerbose()) {
                response.putAllInfo(verboseInfo(image.get()));
            }
            return response.build();
        });
    }

    @Override
    public void pullImage(PullImageRequest request, StreamObserver<PullImageResponse> observer) {
        answer(observer, () -> {
            String reference = required(request.getImage().getImage());
            RegistryCredentials credentials = ImageMessages.credentials(request.getAuth());
            io.gantry.image.Image image = images.pull(new PullRequest(reference, credentials));
            return PullImageResponse.newBuilder().setImageRef(image.id()).build();
        });
    }

    @Override
    public void removeImage(RemoveImageRequest request, StreamObserver<RemoveImageResponse> observer) {
        answer(observer, () -> {
            images.remove(named(request.getImage()));
            return RemoveImageResponse.getDefaultInstance();
        });
    }

    @Override
    public void imageFsInfo(ImageFsInfoRequest request, StreamObserver<ImageFsInfoResponse> observer) {
        answer(observer, () -> {
            io.gantry.image.FilesystemUsage usage = images.usage();
            FilesystemUsage message = FilesystemUsage.newBuilder()
                    .setTimestamp(usage.timestampNanos())
                    .setFsId(FilesystemIdentifier.newBuilder()
                            .setMountpoint(usage.mountpoint().toString()))
                    .setUsedBytes(UInt64Value.newBuilder().setValue(usage.usedBytes()))
                    .setInodesUsed(UInt64Value.newBuilder().setValue(usage.inodesUsed()))
                    .build();
            // The writable layers lie on the same file system, which the kubelet learns from equal mount points.
            return ImageFsInfoResponse.newBuilder()
                    .addImageFilesystems(message)
                    .addContainerFilesystems(message)
                    .build();
        });
    }

    private List<Image> matching(ImageFilter filter) throws ImageException {
        String wanted = filter.getImage().getImage();
        if (wanted.isEmpty()) {
            return images.list().stream().map(ImageMessages::image).toList();
        }
        return images.find(wanted).map(ImageMessages::image).stream().toList();
    }

    private Map<String, String> verboseInfo(io.gantry.image.Image image) throws ImageException {
        String spec = new String(images.configDocument(image), StandardCharsets.UTF_8);
        // Both parts are JSON or need no escaping, so the frame may be put together as text.
        return Map.of(
                "info",
                "{\"chainID\":\"" + image.chainId() + "\",\"imageSpec\":" + spec + "}",
                "imageSpec",
                spec,
                "chainID",
                image.chainId());
    }

    /** By its name, or by the reference that an image volume's status shows. */
    private static String named(ImageSpec spec) throws ImageException {
        return required(spec.getImage().isEmpty() ? spec.getImageRef() : spec.getImage());
    }

    private static String required(String reference) throws ImageException {
        if (reference.isEmpty()) {
            throw new ImageException(ImageException.Kind.INVALID, "the request names no image");
        }
        return reference;
    }

    private static <T> void answer(StreamObserver<T> observer, Answer<T> answer) {
        T response;
        try (CallInterruption interruption = new CallInterruption()) {
            try {
                response = answer.compute();
            } catch (ImageException e) {
                observer.onError(GrpcErrors.of(ImageFailures.of(e)));
                return;
            } catch (InterruptedException e) {
                // Not re-flagged: the interrupt was this call's own and ends with it.
                Status status = interruption.isDeadlineExceeded() ? Status.DEADLINE_EXCEEDED : Status.CANCELLED;
                observer.onError(status.withDescription("the caller gave up before the image was here")
                        .asRuntimeException());
                return;
            }
        }
        observer.onNext(response);
        observer.onCompleted();
    }

    /** What a call computes before it is answered. */
    private interface Answer<T> {
        T compute() throws ImageException, InterruptedException;
    }
}
