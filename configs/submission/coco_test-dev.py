"""`mim test` of any COCO config writes the file for COCO's server (docs/submission.md).

Files (`data/coco/`, or `$MMPOSE_EXT_DATA/coco/`)::

    annotations/image_info_test-dev2017.json
    person_detection_results/COCO_test-dev2017_detections_AP_H_609_person.json
    test2017/*.jpg
"""

_base_ = ["../body_2d_keypoint/{{$MMPOSE_EXT_NETWORK:xhrnet/td-hm_xhrnet-18_8xb64-210e_coco-256x192.py}}"]

data_root = "{{$MMPOSE_EXT_DATA:data}}/coco/"

test_dataloader = dict(
    dataset=dict(
        ann_file="annotations/image_info_test-dev2017.json",
        bbox_file=data_root + "person_detection_results/COCO_test-dev2017_detections_AP_H_609_person.json",
        data_prefix=dict(img="test2017/"),
    )
)
test_evaluator = dict(_delete_=True, type="CocoUpload", out_dir="work_dirs/submission")
